"""Vietnamese sentences about files: formats, encodings, delimiters, sheets, folders, data sets on the Hub."""

SENTENCES: dict[str, str] = {
    # where.py: what is there
    "data_format_export": (
        "{path}: không đọc được tệp '{suffix}'. Hãy mở tệp bằng chương trình đã tạo ra nó, chọn Save As rồi 'Excel Workbook (*.xlsx)'."
    ),
    "data_format_packed": "{path}: tệp '{suffix}' là tệp nén. Hãy giải nén rồi đưa vào tệp bên trong.",
    "data_format_unknown": "{path}: không rõ loại tệp '{suffix}'. Hãy đưa vào một trong các loại {readable}, hoặc một thư mục chứa chúng.",
    "data_folder_empty": "{path}: thư mục này không có bảng nào. Hãy đưa vào thư mục có tệp .csv, .xlsx, .jsonl hoặc .parquet, hoặc mỗi nhãn một thư mục con.",
    "data_folder_mixed": "{path}: thư mục này có nhiều loại tệp ({kinds}) nên không thành một bảng. Hãy đưa vào một tệp, ví dụ {example}.",
    "data_folder_splits": (
        "{path}: {known} mang tên một tập còn {nameless} thì không, nên không rõ phải huấn luyện trên tệp nào. "
        "Hãy đưa vào tệp để huấn luyện, ví dụ {example}, và các tệp còn lại bằng data.validation=… và data.test=…."
    ),
    "data_folder_deep": (
        "{path}: thư mục con {folder} không phải chỉ gồm tệp .txt (mỗi nhãn một thư mục), cũng không mang tên train, validation hay test với một bảng "
        "bên trong. Hãy đưa vào thư mục chứa các bảng, hoặc một tệp."
    ),
    "data_splits_several": "{path} đã được chia sẵn, trong khi ở đây cần một bảng. Hãy đưa vào một trong: {choices}.",
    "data_files_differ": (
        "{path}: {first} và {other} có các cột khác nhau (cột chỉ có ở một tệp: {columns}) nên không thành một bảng. Hãy làm cho các cột giống nhau, hoặc đưa vào một tệp."
    ),
    "data_option_useless": "{path}: có {option}, nhưng tệp '{suffix}' không có thứ đó. Hãy bỏ {option} đi.",
    # encoding.py
    "option_encoding": "data.encoding: Python không có bảng mã văn bản nào tên '{given}'; ví dụ utf-8, utf-16, cp1258 (Windows tiếng Việt), cp1252 (Windows Tây Âu)",
    "data_encoding_contradicted": "{path}: data.encoding={asked}, nhưng tệp bắt đầu bằng dấu hiệu của {found}. Hãy bỏ data.encoding đi.",
    "data_utf16_unmarked": (
        "{path}: không phải UTF-8; cứ hai byte lại có một byte bằng không, như UTF-16 thiếu dấu thứ tự byte. "
        "Nếu đây là văn bản, hãy thêm data.encoding={encoding} (--encoding {encoding})."
    ),
    "data_not_utf8_recognised": (
        '{path}: không phải UTF-8 (byte {byte} ở vị trí {offset}, dòng {line}); trông giống {encoding}, khi đó chỗ này đọc là "{shown}". '
        "Nếu đúng, hãy thêm data.encoding={encoding} (--encoding {encoding}); nếu không, hãy lưu tệp dưới dạng UTF-8, trong Excel là 'CSV UTF-8 (Comma delimited)'."
    ),
    "data_not_utf8_font": (
        '{path}: không phải UTF-8 (byte {byte} ở vị trí {offset}, dòng {line}); trông giống tiếng Việt theo phông chữ cũ {font}, khi đó chỗ này đọc là "{shown}". '
        "Hãy chuyển tệp sang Unicode (UTF-8), ví dụ bằng bộ công cụ của UniKey (Ctrl+Shift+F6)."
    ),
    "data_not_encoding": (
        "{path}: không phải {encoding}: byte {byte} ở vị trí {offset} (dòng {line}). Hãy cho biết bảng mã lúc lưu tệp bằng data.encoding=…, "
        "hoặc bỏ data.encoding đi nếu là UTF-8."
    ),
    # _csv.py
    "option_delimiter": "data.delimiter: phải là một ký tự như ; hoặc |, hoặc chữ tab, nhưng nhận được {given}",
    "data_delimiter_ambiguous": (
        "{path}: dòng đầu tiên ({line}) có thể cắt theo nhiều ký tự ({delimiters}), và các hàng không cho biết ký tự nào mới đúng. "
        "Hãy chọn bằng data.delimiter=… (--delimiter)."
    ),
    "data_delimiter_comma": "dấu phẩy",
    "data_delimiter_semicolon": "dấu chấm phẩy",
    "data_delimiter_tab": "dấu tab",
    "data_delimiter_bar": "dấu gạch đứng",
    "data_text_file": (
        "{path}: dòng đầu tiên ({line}) không có dấu tab, dấu phẩy, dấu chấm phẩy hay gạch đứng giữa các tên cột, nên đây không phải là bảng. "
        "Hãy đưa các văn bản vào một tệp .csv có cột nhãn, hoặc vào mỗi nhãn một thư mục; để học từ văn bản thuần: --task language_modeling."
    ),
    "data_delimiter_found": "{path}: các ô được ngăn cách bằng {delimiter}",
    "data_delimiter_others": "{path}: các ô được coi là ngăn cách bằng dấu phẩy, dù {others} cũng khớp; nếu ý bạn là vậy, hãy chọn bằng data.delimiter=… (--delimiter)",
    "data_quotes_plain": "{path}: dấu ngoặc kép được giữ nguyên, vì chúng không bao quanh trọn một ô",
    # _json.py
    "data_json_invalid": "{path}: không phải JSON hợp lệ: dòng {line}: {reason}. Hãy sửa chỗ đó, hoặc xuất lại tệp.",
    "data_json_several": "{path}: có nhiều danh sách đối tượng có thể là các hàng: {names}. Hãy chỉ để lại một danh sách trong tệp.",
    "data_json_form": (
        '{path}: chứa JSON kiểu {found} ở dạng không phải bảng. Hãy viết một danh sách đối tượng, [{{"text": "…", "label": "…"}}, …], '
        "hoặc mỗi cột một danh sách dài bằng nhau."
    ),
    "data_json_row": '{path}: hàng {row} là JSON kiểu {found}, không phải đối tượng. Hãy viết mỗi hàng thành một đối tượng như {{"text": "…", "label": "…"}}.',
    "data_json_lengths": "{path}: các cột có độ dài khác nhau ({lengths}). Hãy làm cho chúng bằng nhau.",
    "data_json_is_lines": "{path}: mỗi dòng chứa một đối tượng JSON nên được đọc như JSON lines",
    "data_json_part": "{path}: các hàng nằm dưới '{name}'; phần còn lại của tệp không được đọc ({rest})",
    # _workbook.py, _xlsx.py
    "data_xlsx_locked": "{path}: được bảo vệ bằng mật khẩu. Hãy mở bằng Excel, bỏ mật khẩu ở File, Info, Protect Workbook, rồi lưu lại.",
    "data_xlsx_old": "{path}: là tệp Excel trước năm 2007 (.xls) mang tên khác. Hãy mở bằng Excel, chọn Save As rồi 'Excel Workbook (*.xlsx)'.",
    "data_xlsx_damaged": "{path}: không phải tệp Excel, hoặc đã hỏng ({reason}). Hãy mở bằng Excel rồi lưu lại, hoặc chép lại từ nơi đã lấy.",
    "data_sheet_unknown": "{path}: không có trang tính '{asked}'. Các trang tính gồm: {sheets}. Hãy chọn theo tên hoặc số bằng data.sheet=… (--sheet).",
    "data_sheet_several": "{path}: có nhiều trang tính có dữ liệu: {sheets}. Hãy chọn một trang theo tên hoặc số bằng data.sheet=… (--sheet).",
    "data_sheet_hidden": "{path}: chỉ các trang tính ẩn mới có dữ liệu: {sheets}. Hãy chọn một trang theo tên hoặc số bằng data.sheet=… (--sheet).",
    "data_sheet_empty": "{path}: trang tính '{sheet}' trống. Hãy chọn trang khác bằng data.sheet=… (--sheet).",
    "data_sheet_unnamed": (
        "{path}: ô {cell} có giá trị, nhưng cột {column} của nó không có tên ở {header}. "
        "Hãy ghi tên vào {header}; nếu phía trên hàng tên cột còn có hàng khác, hãy xóa chúng."
    ),
    "data_sheet_found": "{path}: đọc trang tính '{sheet}', không đọc {others}",
    "data_cell_bad": (
        "{path}: {count} trong {total} hàng không có giá trị dùng được ở cột '{column}' ({lines}). Đầu tiên là ô {cell}: {why}, "
        "hoặc chọn cột khác."
    ),
    "data_cell_error": "một lỗi của Excel; hãy sửa công thức hoặc điền giá trị",
    "data_cell_formula": "một công thức mà kết quả không được lưu trong tệp; hãy mở tệp bằng Excel rồi lưu lại",
    "data_cell_merged": "một phần của các ô đã gộp; hãy bỏ gộp trong Excel (Merge & Center, Unmerge) rồi điền vào từng ô",
    "data_at_line": "dòng {numbers}",
    "data_at_row": "hàng {numbers}",
    "data_at_file": "tại {numbers}",
    # rows.py: what stands where a text or a label should
    "data_kind_number": "một số",
    "data_kind_switch": "true hoặc false",
    "data_kind_list": "một danh sách",
    "data_kind_object": "một đối tượng",
    "data_kind_other": "một kiểu khác",
    # _parquet.py
    "data_parquet_extra": "{path}: muốn đọc Parquet cần một gói chưa được cài; hãy chạy: pip install 'fewtune[files]'",
    "data_parquet_damaged": "{path}: không phải tệp Parquet, hoặc đã hỏng ({reason}). Hãy chép hoặc tải lại.",
    "data_parquet_labels": "{path}: các số ở cột '{column}' được đọc thành các nhãn mà tệp đặt tên cho chúng: {labels}",
    # _files.py
    "data_files_joined": "{path}: {count} tệp được đọc thành một bảng, từ {first} đến {last}",
    "data_classes_found": "{path}: {count} văn bản trong các thư mục mang tên nhãn: {labels}",
    # _hub.py
    "data_hub_offline": (
        "{name}: ở đây không có tệp hay thư mục này; còn nếu là bộ dữ liệu trên Hub thì không có trên máy này (đã tìm trong {cache}), và không kết nối được với "
        "Hub (chế độ ngoại tuyến: {offline}). Hãy kiểm tra đường dẫn, hoặc kết nối mạng một lần rồi chạy: hf download {name} --repo-type dataset"
    ),
    "data_hub_unknown": "{name}: ở đây không có tệp hay thư mục này, và Hub không có bộ dữ liệu này (revision {revision}: {reason}). Hãy kiểm tra cách viết.",
    "data_hub_gated": "{name}: tác giả yêu cầu bạn đồng ý trước; hãy mở https://huggingface.co/datasets/{name}, chấp nhận, rồi chạy `hf auth login`",
    "data_hub_download": "{name}: tải về không thành công ({reason}); hãy thử lại, hoặc tải bằng: hf download {name} --repo-type dataset",
    "data_hub_no_files": "{name}: bộ dữ liệu này không có tệp nào đọc được ({readable}), và mã của bộ dữ liệu không bao giờ được chạy. Hãy xuất nó sang một trong các loại này.",
    "data_hub_subset": "{name}: bộ dữ liệu này có nhiều tập con: {known}. Hãy chọn một bằng data.subset=….",
    "data_hub_subset_unknown": "{name}: không có tập con '{asked}'; chỉ có: {known}. Hãy chọn một bằng data.subset=….",
    "data_hub_split": "{name}: không có tập '{split}'; chỉ có: {known}. Hãy viết chẳng hạn {name}:train.",
    "data_hub_incomplete": (
        "{name}: trên máy này chỉ có {found} trong {parts} phần của {file}. Hãy kết nối mạng rồi chạy: hf download {name} --repo-type dataset"
    ),
    "data_splits_found": "{split}: lấy từ {path}",
    "data_splits_unused": "{path}: không dùng: {splits}",
    # check/damage.py
    "text_misread": (
        '{rows:,} trong {of_rows:,} văn bản là UTF-8 đã bị đọc nhầm thành {encoding} rồi lưu lại như vậy: "{found}" vốn là "{repaired}". Mô hình sẽ học các ký hiệu '
        "này như chữ cái; hãy quay lại tệp trước đó và mở nó dưới dạng UTF-8"
    ),
    "text_legacy": (
        '{rows:,} trong {of_rows:,} văn bản là tiếng Việt theo phông chữ cũ {font}: "{found}" là "{repaired}". Không mô hình nào đọc được; hãy chuyển tệp sang '
        "Unicode, ví dụ bằng bộ công cụ của UniKey (Ctrl+Shift+F6)"
    ),
    "text_replaced": '{rows:,} trong {of_rows:,} văn bản có "\N{REPLACEMENT CHARACTER}", tức là có chữ đã mất: "{found}". Hãy quay lại tệp trước đó và lưu dưới dạng UTF-8',
    "text_questions": (
        '{rows:,} trong {of_rows:,} văn bản có dấu hỏi nằm giữa chữ, như thể đã mất chữ khi lưu tệp: "{found}". Hãy quay lại tệp trước '
        "đó và lưu dưới dạng UTF-8, trong Excel là 'CSV UTF-8 (Comma delimited)'"
    ),
}
