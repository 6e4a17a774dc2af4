"""Vietnamese sentences about question answering: its files, its answers and its scores."""

SENTENCES: dict[str, str] = {
    # files
    "data_squad": "{path} theo dạng SQuAD: {questions:,} câu hỏi trong đó được đọc, mỗi câu một hàng",
    "data_squad_form": "{path}: {place} không có '{name}' như dạng SQuAD đòi hỏi. Hãy sửa tệp ở chỗ đó, hoặc đưa một bảng có các cột question, context và answer",
    "data_columns_alike": "{path}: các cột {candidates} có tên như nhau, và chỉ bạn biết bạn muốn cột nào; hãy chọn một cột bằng {option}",
    "qa_no_text": "{path}: không có cột nào chứa câu hỏi. Cột được tìm theo tên {names} …; các cột hiện có là {columns}. Hãy chọn một cột bằng {option}",
    "qa_no_pair": "{path}: không có cột nào chứa đoạn văn mà câu hỏi nói tới. Cột được tìm theo tên {names} …; các cột hiện có là {columns}. "
    "Hãy chọn một cột bằng {option}",
    "qa_no_label": "{path}: không có cột nào chứa câu trả lời. Cột được tìm theo tên {names} …; các cột hiện có là {columns}. Hãy chọn một cột bằng {option}",
    "qa_answer_kind": "{path}: {count} trong {total} hàng chứa {value} thay vì một câu trả lời ở cột '{column}' ({lines}). Hãy viết câu trả lời thành văn bản, "
    'hoặc nhiều câu như SQuAD: {{"text": ["…"], "answer_start": [0]}}, số vị trí bằng số câu trả lời',
    "qa_start_kind": "{path}: {count} trong {total} hàng chứa {value} thay vì một vị trí ở cột '{column}' ({lines}). Vị trí là số thứ tự của ký tự đầu tiên "
    "của câu trả lời, đếm từ 0. Hãy sửa lại, hoặc để trống để câu trả lời được tìm trong đoạn văn",
    "qa_impossible_kind": "{path}: {count} trong {total} hàng chứa {value} ở cột '{column}' ({lines}), cột cho biết câu hỏi có phải là không có câu trả lời; hãy viết true hoặc false",
    "fits_spans": "các cột có tên {question}, {context} và {answer}",
    # what cannot be learned
    "qa_no_answers": "không hàng nào trong {rows:,} hàng huấn luyện có câu trả lời, nên không có gì để học; hãy chọn cột câu trả lời bằng data.label_column",
    "qa_answers_absent": "không câu trả lời nào trong {rows:,} câu nằm trong đoạn văn của nó: '{answer}' cho '{question}' không có trong '{context} …'. Hỏi đáp "
    "trích xuất chỉ có thể chỉ vào một phần của đoạn văn; hãy chọn cột khác bằng data.pair_column và data.label_column",
    "qa_question_long": "{rows} câu hỏi để lại ít hơn {least} token cho đoạn văn trong cửa sổ {max_length} token: hàng {row}, '{question} …', chiếm {tokens} token "
    "kể cả những gì đi kèm. Câu hỏi không bao giờ bị cắt; hãy rút ngắn, hoặc tăng task.max_length nếu mô hình cho phép",
    "qa_no_null": "{tokenizer} không có token [CLS] lẫn token kết thúc, nên không có chỗ cho 'không có câu trả lời'; hãy chọn mô hình khác",
    # findings
    "spans_absent": "{split}: {rows:,} trong {of_rows:,} câu trả lời không xuất hiện trong đoạn văn, ví dụ {examples} cho '{question}' (hàng {row}); các hàng này "
    "không được học, và được chấm điểm như đã cho",
    "spans_contradicts": "{split}: {rows:,} trong {of_rows:,} câu trả lời mâu thuẫn với vị trí đã cho và xuất hiện nhiều lần ở chỗ khác, ví dụ {examples} (hàng {row}): "
    "ở ký tự {stated} là '{there}'; các hàng này không được học",
    "spans_moved": "{split}: {rows:,} trong {of_rows:,} câu trả lời mâu thuẫn với vị trí đã cho và được học ở nơi chúng thật sự xuất hiện, ví dụ {examples} (hàng {row}): "
    "ở ký tự {stated} là '{there}', còn câu trả lời ở {start}",
    "spans_several": "{split}: {rows:,} trong {of_rows:,} câu trả lời xuất hiện nhiều lần trong đoạn văn mà không có vị trí, ví dụ {examples} (hàng {row}); "
    "chỗ đầu tiên được học, ở ký tự {start}",
    "spans_none": "{split}: {rows:,} trong {of_rows:,} câu hỏi không có câu trả lời trong đoạn văn",
    "spans_none_unlearned": "{split}: {rows:,} trong {of_rows:,} câu hỏi không có câu trả lời trong đoạn văn, nhưng mọi câu hỏi huấn luyện đều có, nên mô hình luôn đưa ra một câu trả lời",
    "spans_long": "{split}: {rows:,} trong {of_rows:,} câu trả lời dài hơn mức được phép đưa ra (dài nhất {longest} token, task.max_answer_length={max_answer_length})",
    "spans_inside": "{split}: {rows:,} trong {of_rows:,} câu trả lời bắt đầu hoặc kết thúc giữa một token nên chỉ có thể đưa ra cùng phần còn lại của token, ví dụ {examples}",
    "spans_windows": "{split}: {rows:,} trong {of_rows:,} hàng dài hơn {max_length} token và được đọc bằng các cửa sổ gối lên nhau, nhiều nhất {most} (tổng cộng {windows:,} cửa sổ)",
    # scores
    "metric_f1": "F1",
    "report_metric_f1": "F1",
    "report_metric_answerable_f1": "F1 ở các câu có câu trả lời",
    "report_metric_answerable_exact_match": "khớp hoàn toàn ở các câu có câu trả lời",
    "report_metric_no_answer_recall": "để trống đúng ở các câu không có câu trả lời",
    "baseline_closest_sentence": "chọn câu có nhiều từ của câu hỏi nhất",
    "baseline_no_answer": "luôn nói là không có câu trả lời",
    "short_closest_sentence": "câu gần nhất",
    "short_no_answer": "không trả lời",
    "scored_en": "chấm điểm theo quy tắc của SQuAD cho tiếng Anh: không tính chữ hoa chữ thường, dấu câu và a, an, the",
    "scored_vi": "chấm điểm theo quy tắc của MLQA cho tiếng Việt: không tính chữ hoa chữ thường, dấu câu và của, là, cái, chiếc, những",
    "no_answer": "(không có câu trả lời)",
    # the report
    "report_errors_least": "{wrong} trong {rows} hàng kiểm tra chưa được trả lời đúng hoàn toàn; đây là {n} hàng trong số đó, hàng tệ nhất trước. Hãy xem chúng trước mọi thứ khác: có câu có thể đúng nhưng dùng từ khác với dữ liệu.",
    "report_errors_worth": "đúng {share}",
    "report_no_answer": "không có câu trả lời",
    "report_asked_question_answering": "Trả lời câu hỏi bằng phần của đoạn văn trả lời câu hỏi đó, học từ {rows} hàng huấn luyện của {data}.",
    "report_use_question": "Ai đã xây tháp?",
    "report_use_context": "Eiffel đã xây tháp.",
    "report_use_windows": "Những dòng này đọc cửa sổ đầu tiên của đoạn văn và luôn trả lời. fewtune đọc mọi cửa sổ của đoạn văn dài, và nói khi không có câu trả lời nếu điều đó đã được học.",
    "report_about_f1": "câu trả lời và câu đúng có bao nhiêu từ chung",
}
