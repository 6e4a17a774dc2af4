"""Vietnamese sentences of `data/`: reading a table, finding its columns, taking its rows, splitting it."""

SENTENCES: dict[str, str] = {
    # read.py: the file
    "data_file_missing": "{path}: không có tệp này. Hãy kiểm tra lại tên; đường dẫn được tính từ thư mục {folder}.",
    "data_file_missing_near": "{path}: không có tệp này. Có phải bạn muốn dùng {near}?",
    "data_folder_missing": "{path}: thư mục {folder} không tồn tại. Hãy kiểm tra đường dẫn.",
    "data_file_unreadable": (
        "Không mở được {path}: {reason}. Hãy đóng các chương trình khác đang dùng tệp và kiểm tra quyền truy cập."
    ),
    "data_file_empty": "{path} là tệp rỗng. Hãy đưa vào tệp có một dòng tên cột và ít nhất một hàng dữ liệu.",
    "data_no_rows": "{path} có tên cột nhưng không có dữ liệu. Hãy thêm ít nhất một hàng bên dưới dòng đầu tiên.",
    "data_not_utf8": (
        "{path}: không phải UTF-8: byte {byte} ở vị trí {offset} (dòng {line}). "
        "Hãy lưu tệp dưới dạng UTF-8 (trong Excel: Save As, 'CSV UTF-8 (Comma delimited)'), hoặc cho biết bảng mã của tệp bằng data.encoding=…."
    ),
    "data_nul": "{path}: dòng {line} có ký tự NUL; tệp bị hỏng hoặc đã được lưu dạng UTF-16. Hãy lưu lại dạng UTF-8.",
    # read.py: CSV
    "data_csv_separator": (
        "{path}: cột duy nhất có tên '{column}', nên có vẻ các ô được ngăn cách bằng {separator}. "
        "Hãy lưu tệp với dấu phẩy giữa các ô, hoặc đổi tên cột đó."
    ),
    "data_csv_quote": (
        "{path}: dấu ngoặc kép mở ở dòng {line} chưa được đóng đúng cách. Hãy đóng nó trước khi hết ô, "
        'và viết dấu ngoặc kép bên trong văn bản thành hai dấu ("").'
    ),
    "data_csv_ragged": (
        "{path}: hàng ở dòng {line} có {found} ô, cần {expected} ô. "
        "Hãy đặt văn bản có {delimiter} trong ngoặc kép, hoặc thêm các ô còn thiếu."
    ),
    "data_column_unnamed": (
        "{path}: cột thứ {position} trong {count} cột không có tên. Hãy đặt tên ở dòng đầu tiên hoặc xóa cột này "
        "(với pandas: to_csv(..., index=False))."
    ),
    "data_column_repeated": "{path}: có {count} cột cùng tên '{column}'. Hãy đặt cho mỗi cột một tên riêng.",
    # read.py: JSONL
    "data_jsonl_line": "{path}: dòng {line} không phải JSON hợp lệ: {reason}. Hãy viết mỗi dòng một đối tượng JSON.",
    "data_jsonl_kind": (
        "{path}: dòng {line} chứa JSON kiểu {kind}, không phải đối tượng. "
        'Hãy viết mỗi dòng một đối tượng như {{"text": "..."}}.'
    ),
    # profile.py: finding columns
    "data_column_unknown": "{path}: {option} chỉ đến cột '{column}' nhưng cột này không tồn tại; {hint}",
    "data_column_twice": (
        "{path}: cột '{column}' được chọn hai lần. "
        "Hãy chọn các cột khác nhau cho data.text_column, data.pair_column và data.label_column."
    ),
    "data_text_ambiguous": (
        "{path}: nhiều cột có thể là văn bản: {candidates}. "
        "Hãy chọn bằng data.text_column (và data.pair_column nếu là một cặp văn bản)."
    ),
    "data_text_not_found": (
        "{path}: không có cột nào giống văn bản trong các cột {columns}. Hãy chỉ rõ bằng data.text_column."
    ),
    "data_label_ambiguous": "{path}: nhiều cột có thể là nhãn: {candidates}. Hãy chọn một cột bằng data.label_column.",
    "data_label_not_found": (
        "{path}: không có cột nào giống nhãn (ít giá trị, lặp lại ở nhiều hàng) trong các cột {columns}. "
        "Hãy chỉ rõ bằng data.label_column."
    ),
    # rows.py
    "data_text_missing": (
        "{path}: {count} trong {total} hàng không có văn bản ở cột '{column}' ({lines}). "
        "Hãy điền vào, xóa các hàng này, hoặc chọn cột khác bằng {option}."
    ),
    "data_text_kind": (
        "{path}: {count} trong {total} hàng chứa {kind} thay vì văn bản ở cột '{column}' ({lines}). "
        "Hãy viết thành văn bản (trong Excel: thêm dấu nháy đơn phía trước), hoặc chọn cột khác bằng {option}."
    ),
    "data_label_missing": (
        "{path}: {count} trong {total} hàng không có nhãn ở cột '{column}' ({lines}). "
        "Hãy điền vào, xóa các hàng này, hoặc chọn cột khác bằng data.label_column."
    ),
    "data_label_kind": (
        "{path}: {count} trong {total} hàng chứa {kind} thay vì một nhãn ở cột '{column}' ({lines}). "
        "Hãy viết một chuỗi hoặc một số nguyên cho mỗi hàng, hoặc chọn cột khác bằng data.label_column."
    ),
    # split.py
    "data_split_share": (
        "Không dùng được data.validation_share={validation} và data.test_share={test}: tổng "
        "phải nhỏ hơn 1, để còn dữ liệu huấn luyện. Thường dùng: data.validation_share=0.1 data.test_share=0.2."
    ),
    "data_split_too_few": (
        "{rows} hàng là quá ít: {option}={share} chỉ được {found} hàng, trong khi mỗi lớp cần một hàng, tất cả là "
        "{needed}. Hãy thêm dữ liệu, gộp các lớp hiếm, tăng {option}, hoặc đưa một tệp riêng bằng {file}."
    ),
    "data_split_train_too_few": (
        "{rows} hàng là quá ít: với data.validation_share={validation} và data.test_share={test}, {missing} trong {classes} lớp "
        "({examples}) không còn hàng nào để huấn luyện. Hãy thêm dữ liệu cho các lớp này, hoặc giảm "
        "data.validation_share hay data.test_share."
    ),
}
